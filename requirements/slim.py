"""Leaves in the image's environment what runs, and compiles it: run by its Python in the image's build stage.

Afterwards the environment at `sys.prefix` holds no tests, no sources of extensions, no scripts but the product's and
none of the Kubernetes client's generated classes (the operator uses the dynamic client, which needs none). Modules, and
those of the standard library that the product imports, are compiled under `compiled/`, where PYTHONPYCACHEPREFIX looks
for them; they are never compared with their sources, so that a read-only file system and any file times will do.
"""

import importlib
import pkgutil
import py_compile
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

ENVIRONMENT = Path(sys.prefix)
LIBRARY = Path(sysconfig.get_path("purelib"))
COMPILED = ENVIRONMENT / "compiled"
PRODUCT = ("shield_courier", "shield_operator", "shield_proxy")
SCRIPTS = ("python*", "shield-*")
SURPLUS = (
    "shield_kubectl",  # runs on people's machines
    "**/__pycache__",
    "*/tests",
    "*/test",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.pyi",
    "**/*.c",
    "**/*.h",
    "kubernetes/client/api/[!_]*.py",
    "kubernetes/client/models/[!_]*.py",
    "kubernetes/aio/client/api/[!_]*.py",
    "kubernetes/aio/client/models/[!_]*.py",
)


def remove(path: Path) -> None:
    """The file, link or folder is gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def slim() -> None:
    """Removes what never runs."""
    for pattern in SURPLUS:
        for path in list(LIBRARY.glob(pattern)):
            remove(path)
    wanted = {path for pattern in SCRIPTS for path in (ENVIRONMENT / "bin").glob(pattern)}
    for path in set((ENVIRONMENT / "bin").iterdir()) - wanted:
        remove(path)
    shutil.rmtree(ENVIRONMENT / "include", ignore_errors=True)


def import_product() -> None:
    """Every module of the product has been imported: proof that nothing it needs was removed."""
    for name in PRODUCT:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)


def sources() -> Iterator[Path]:
    """Modules of the environment, and those outside it that are imported now."""
    yield from LIBRARY.rglob("*.py")
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and file and file.endswith(".py"):
            yield Path(file)


def main() -> None:
    """Slims, proves and compiles."""
    sys.dont_write_bytecode = True
    slim()
    import_product()
    sys.pycache_prefix = str(COMPILED)
    for source in sorted(set(sources())):
        py_compile.compile(str(source), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


if __name__ == "__main__":
    main()
