"""Prints password hashes, one JSON object a line, as Python's own libraries make them."""
import base64
import hashlib
import json
import os
import struct

import argon2
import bcrypt
import django
from django.conf import settings
from django.contrib.auth import hashers
from passlib.hash import bcrypt_sha256, pbkdf2_sha1, pbkdf2_sha256, pbkdf2_sha512, scrypt

HASHERS = "PBKDF2", "PBKDF2SHA1", "Argon2", "BCrypt", "BCryptSHA256", "Scrypt"
settings.configure(PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{name}PasswordHasher" for name in HASHERS])
django.setup()

# What is set of each hasher, so that the hashes are quickly checked.
DJANGO = {
    "pbkdf2_sha256": {"iterations": 1000},
    "pbkdf2_sha1": {"iterations": 1000},
    "argon2": {"memory_cost": 1024},
    "bcrypt": {"rounds": 5},
    "bcrypt_sha256": {"rounds": 5},
    "scrypt": {"work_factor": 1024},
}

PLAIN = "surf the canary wave"
MARKS = "re\u0301ne\u0301\u00a0\u65e5\u672c-\U0001f511"  # decomposed, with a space that is not the ASCII one
LONG = "0123456789" * 8  # bcrypt reads 72 bytes of it


def out(made_by, password, hash_, **more):
    print(json.dumps({"made_by": made_by, "password": password, "hash": hash_, **more}))


def aspnet(password, prf, rounds):
    """The layout of ASP.NET Identity v3, from hashlib. Its own hashes stand in the test beside these."""
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac(("sha1", "sha256", "sha512")[prf], password.encode(), salt, rounds, 32)
    return base64.b64encode(b"\1" + struct.pack(">III", prf, rounds, len(salt)) + salt + key).decode()


for hasher in DJANGO:
    out("Django 5.2 " + hasher + ", its own costs", PLAIN, hashers.make_password(PLAIN, hasher=hasher))

for password in PLAIN, MARKS, LONG:
    for prefix in b"2a", b"2b":
        out("bcrypt 4.0.1", password, bcrypt.hashpw(password.encode(), bcrypt.gensalt(5, prefix)).decode())
    pepper = "the pepper of a Rails application"
    peppered = bcrypt.hashpw((password + pepper).encode(), bcrypt.gensalt(5, b"2a")).decode()
    out("bcrypt 4.0.1, as Devise", password, peppered, pepper=pepper)
    out("passlib 1.7.4 bcrypt_sha256", password, bcrypt_sha256.using(rounds=5).hash(password))
    out("passlib 1.7.4 pbkdf2", password, pbkdf2_sha1.using(rounds=1000).hash(password))
    out("passlib 1.7.4 pbkdf2_sha256", password, pbkdf2_sha256.using(rounds=1000).hash(password))
    out("passlib 1.7.4 pbkdf2_sha512", password, pbkdf2_sha512.using(rounds=1000).hash(password))
    out("passlib 1.7.4 scrypt", password, scrypt.using(rounds=10).hash(password))
    for kind in argon2.Type.ID, argon2.Type.I, argon2.Type.D:
        out("argon2-cffi 25.1.0", password, argon2.PasswordHasher(memory_cost=1024, type=kind).hash(password))
    for hasher, costs in DJANGO.items():
        made = hashers.get_hasher(hasher)
        for name, value in costs.items():
            setattr(made, name, value)
        out("Django 5.2 " + hasher, password, made.encode(password, made.salt()))
    for prf in range(3):
        out("hashlib, as ASP.NET Identity v3", password, aspnet(password, prf, 10000))

out("passlib 1.7.4 scrypt, its own costs", PLAIN, scrypt.hash(PLAIN))
out("argon2-cffi 25.1.0, its own costs", PLAIN, argon2.PasswordHasher().hash(PLAIN))
out("bcrypt 4.0.1, cost 12", PLAIN, bcrypt.hashpw(PLAIN.encode(), bcrypt.gensalt(12)).decode())
