"""Names of origins, asked of the resolver this process really has."""

from shield_operator.kube.resolve import FOUND_SECONDS, Resolver


async def test_addresses_are_not_asked_for_and_names_that_resolve_are_no_problem() -> None:
    resolver = Resolver()
    assert await resolver.problems(["203.0.113.1", "[2001:db8::1]", "2001:db8::1", "localhost"]) == {}
    assert set(resolver._answers) == {"localhost"}
    await resolver.close()


async def test_a_name_that_can_not_be_one_is_a_problem() -> None:
    resolver = Resolver()
    name = "x" * 64 + ".example.com"
    assert await resolver.problems([name, "localhost"]) == {name: f"{name} is not a DNS name"}
    await resolver.close()


async def test_an_answer_holds_for_a_while_and_is_then_asked_for_again() -> None:
    now = 0.0
    resolver = Resolver(lambda: now)
    await resolver.problems(["localhost"])
    now = FOUND_SECONDS - 1
    await resolver.problems(["localhost"])
    assert resolver._answers["localhost"][0] == FOUND_SECONDS
    now = FOUND_SECONDS + 1
    await resolver.problems(["localhost"])
    assert resolver._answers["localhost"][0] == now + FOUND_SECONDS
    await resolver.close()
