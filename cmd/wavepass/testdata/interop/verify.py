"""As verify.mjs, for a module in Python."""
import runpy
import sys

verify = runpy.run_path(sys.argv[1])["verify"]
for line in sys.stdin:
    try:
        claims = verify(line.rstrip("\n"))
        print("accepted", claims["sub"])
    except Exception as error:
        print("refused", f"{type(error).__name__}: {error}".replace("\n", " "))
