"""What a process takes on: how late its event loop is, when it refuses, the tunnels it keeps."""
