"""Git commands in repositories that tests make."""

import subprocess


def git(root, *arguments):
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(("git", "-C", root, *names, *arguments), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(root, message):
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD")
