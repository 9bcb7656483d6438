"""Parts that tests of the whole program share: a project folder, the program as a process, the stand-ins."""
