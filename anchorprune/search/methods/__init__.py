"""Search methods: one file each, over one `Problem`."""
