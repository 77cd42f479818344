"""What scripts/release builds. Run by .ci/run with the other tests of scripts/."""

import importlib.machinery
import importlib.util
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
loader = importlib.machinery.SourceFileLoader("release", str(ROOT / "scripts" / "release"))
release = importlib.util.module_from_spec(importlib.util.spec_from_loader("release", loader))
loader.exec_module(release)


class Function(unittest.TestCase):
    def test_has_the_same_bytes_wherever_and_whenever_it_is_built(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            elsewhere = folder / "a longer way to the same files"
            shutil.copytree(ROOT, elsewhere, ignore=shutil.ignore_patterns(".git", ".aws-sam", "node_modules", "testdata", "*_test.go", "docs", "clients", "bench", "examples"))
            shutil.copytree(ROOT / "clients", elsewhere / "clients", ignore=shutil.ignore_patterns("node_modules"))
            built = []
            for number, root in enumerate((ROOT, elsewhere)):
                (folder / str(number)).mkdir()
                built.append(release.function("discovery", folder / str(number), root=root))
            first, second = (path.read_bytes() for path in built)
            self.assertGreater(len(first), 1_000_000)
            self.assertEqual(first, second)
            with zipfile.ZipFile(built[0]) as archive:
                (entry,) = archive.infolist()
            self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))


class Refusals(unittest.TestCase):
    def run_release(self, *arguments):
        return subprocess.run([ROOT / "scripts" / "release", *arguments], capture_output=True, text=True)

    def test_says_what_is_wrong_before_it_builds(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "x").touch()
            for arguments, says in (("1.2.3", "/nowhere"), "want a version like"), (("v1.2.3", folder), "is not empty"):
                done = self.run_release(*arguments)
                self.assertEqual(done.returncode, 1)
                self.assertIn(says, done.stderr)
            done = self.run_release("v999.0.0", folder + "/new")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "has changes|has no tag")


class Provenance(unittest.TestCase):
    def test_names_each_file_by_its_digest(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"abc")
            file.flush()
            said = release.provenance([pathlib.Path(file.name)], "v1.2.3", "c0ffee")
            (subject,) = said["subject"]
            self.assertEqual(subject["digest"]["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
            self.assertEqual(said["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"], {"gitCommit": "c0ffee"})
            json.dumps(said)


if __name__ == "__main__":
    unittest.main()
