"""What takes minutes: transfers of gigabytes, thousands of slow and idle clients, a long mixed load with restarts."""
