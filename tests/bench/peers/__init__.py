"""What people use now, each in an environment of its own: versions are pinned in the files beside this one."""
