package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"golang.org/x/crypto/bcrypt"
	_ "modernc.org/sqlite" // the driver "sqlite", which needs no C compiler
)

// user is a row of the table that was there before Wavepass.
type user struct {
	ID       int64
	Email    string
	Role     string
	Disabled bool
	hash     []byte
}

// errNotLetIn says that no user has this address and password, or that the user is disabled. It does not say which.
var errNotLetIn = errors.New("users: no user has this address and password")

// errLongPassword says that bcrypt would look at a part of the password only.
var errLongPassword = fmt.Errorf("users: a password has at most %d bytes", maxPassword)

const (
	minPassword = 8
	maxPassword = 72 // bcrypt looks at no more
)

// users is the back end's own table of people.
type users struct {
	db     *sql.DB
	nobody []byte // a hash that is compared when there is no user, so that the time of an answer tells nothing
	cost   int    // bcrypt's
}

func openUsers(ctx context.Context, file string, cost int) (*users, error) {
	name := (&url.URL{Path: file}).EscapedPath()
	db, err := sql.Open("sqlite", "file:"+name+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	_, err = db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS users (
		id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE COLLATE NOCASE, hash BLOB NOT NULL,
		role TEXT NOT NULL DEFAULT '', disabled INTEGER NOT NULL DEFAULT 0) STRICT`)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("users: open %s: %w", file, err), db.Close())
	}
	nobody, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), cost)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("users: %w", err), db.Close())
	}
	return &users{db, nobody, cost}, nil
}

func (u *users) hashOf(password string) ([]byte, error) {
	if len(password) > maxPassword {
		return nil, errLongPassword
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), u.cost)
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	return hash, nil
}

// add registers a user. A user who is there already is left as they are.
func (u *users) add(ctx context.Context, email, password, role string) error {
	hash, err := u.hashOf(password)
	if err != nil {
		return err
	}
	_, err = u.db.ExecContext(ctx, `INSERT INTO users (email, hash, role) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, email, hash, role)
	return err
}

// letIn returns the user who has the address and the password. The error is errNotLetIn or one of the database.
func (u *users) letIn(ctx context.Context, email, password string) (user, error) {
	found, err := u.one(ctx, `email = ?`, email)
	hash := found.hash
	if errors.Is(err, sql.ErrNoRows) {
		hash = u.nobody
	} else if err != nil {
		return user{}, err
	}
	wrong := bcrypt.CompareHashAndPassword(hash, []byte(password))
	if err != nil || wrong != nil || found.Disabled || len(password) > maxPassword {
		return user{}, errNotLetIn
	}
	return found, nil
}

// byID returns a user, also one who is disabled. The error may be sql.ErrNoRows.
func (u *users) byID(ctx context.Context, id int64) (user, error) { return u.one(ctx, `id = ?`, id) }

func (u *users) one(ctx context.Context, where string, value any) (found user, err error) {
	err = u.db.QueryRowContext(ctx, `SELECT id, email, role, disabled, hash FROM users WHERE `+where, value).
		Scan(&found.ID, &found.Email, &found.Role, &found.Disabled, &found.hash)
	if err != nil {
		return user{}, fmt.Errorf("users: %w", err)
	}
	return found, nil
}

// stillIn reports whether a user whom letIn has returned would be let in now: nobody has disabled them or changed their password.
func (u *users) stillIn(ctx context.Context, before user) (bool, error) {
	now, err := u.byID(ctx, before.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return !now.Disabled && bytes.Equal(now.hash, before.hash), err
}

// setPassword changes the password of a user who has proved the one before. The error is errNotLetIn when it was changed meanwhile.
func (u *users) setPassword(ctx context.Context, of user, password string) error {
	hash, err := u.hashOf(password)
	if err != nil {
		return err
	}
	return changed(u.db.ExecContext(ctx, `UPDATE users SET hash = ? WHERE id = ? AND hash = ? AND disabled = 0`, hash, of.ID, of.hash))
}

// disable lets a user in no more. The sessions that they have are Wavepass's to end. The error is errNotLetIn when there is no such user.
func (u *users) disable(ctx context.Context, id int64) error {
	return changed(u.db.ExecContext(ctx, `UPDATE users SET disabled = 1 WHERE id = ?`, id))
}

// changed returns errNotLetIn for an update that found no row.
func changed(result sql.Result, err error) error {
	if err != nil {
		return fmt.Errorf("users: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errNotLetIn, err)
	}
	return nil
}
