"""What scripts/vulnerabilities finds. Run by .ci/run with the other tests of scripts/."""

import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# GO-2022-1059: a function of this version takes too long for some of its inputs. Nothing here calls it: that something could is enough to be found.
WEAK = "golang.org/x/text v0.3.7"
PROGRAM = """package main

import "golang.org/x/text/language"

func main() { println(language.%s) }
"""


class Module(unittest.TestCase):
    def judge(self, call, *flags):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "go.mod").write_text(f"module example.com/weak\n\ngo 1.26\n\nrequire {WEAK}\n")
            (folder / "main.go").write_text(PROGRAM % call)
            subprocess.run(["go", "mod", "tidy"], cwd=folder, check=True, capture_output=True)
            return subprocess.run([ROOT / "scripts" / "vulnerabilities", *flags, folder], capture_output=True, text=True)

    def test_that_reaches_a_weakness_fails_and_says_where_and_what_mends_it(self):
        ran = self.judge('ParseAcceptLanguage("en")')
        self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
        for said in "main.go:5", "GO-2022-1059", "golang.org/x/text v0.3.7", "mended in v0.3.8":
            self.assertIn(said, ran.stdout)

    def test_that_only_requires_it_passes(self):
        ran = self.judge("English.IsRoot()")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("no weakness of a module is reached", ran.stdout)


if __name__ == "__main__":
    unittest.main()
