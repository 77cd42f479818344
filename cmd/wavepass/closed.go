package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/store/bolt"
)

// sharedBits are those of a mode that let the group, or anybody, put something else in a file's place.
const (
	groupWrites  = 0o020
	othersWrite  = 0o002
	anybodyWrite = groupWrites | othersWrite
)

// closed returns the folder as it is after links are followed. It refuses one that others may write, or whose parents
// let them put another in its place: they could swap the socket that commands, and passwords, are sent to.
func (f folder) closed() (folder, error) {
	path, err := filepath.EvalSymlinks(f.Data)
	if err != nil {
		return f, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return f, err
	}
	uid, gid, known := ownerOf(info)
	switch {
	case !info.IsDir():
		return f, fmt.Errorf("%s is not a folder: choose another with --data", f.Data)
	case known && uid != os.Geteuid():
		return f, fmt.Errorf("%s belongs to another user (uid %d): choose another with --data", path, uid)
	case known && writtenByOthers(info, uid, gid):
		return f, fmt.Errorf("%s can be written by others (mode %04o): run chmod 700 on it", path, info.Mode().Perm())
	}
	for parent := filepath.Dir(path); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil {
			return f, err
		}
		// In a sticky folder like /tmp, only the owner of a file may rename it.
		if uid, gid, known := ownerOf(info); known && info.Mode()&fs.ModeSticky == 0 && writtenByOthers(info, uid, gid) {
			return f, fmt.Errorf("%s lies in %s, where others may put another in its place (mode %04o): choose another with --data", path, parent, info.Mode().Perm())
		}
		if parent == filepath.Dir(parent) {
			f.Data = path
			return f, nil
		}
	}
}

// writtenByOthers passes over the group where it is, by its number, the owner's own.
func writtenByOthers(info fs.FileInfo, uid, gid int) bool {
	writes := info.Mode().Perm() & anybodyWrite
	if gid == uid {
		writes &^= groupWrites
	}
	return writes != 0
}

// errOtherUser says that the process at the other end of the control socket is not this user's.
var errOtherUser = errors.New("the process at the other end of the folder's socket belongs to another user")

// checkPeer compares the user at the other end of a socket with this one.
func checkPeer(conn net.Conn, self int) error {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var uid int
	var known bool
	var peerErr error
	if err := raw.Control(func(fd uintptr) { uid, known, peerErr = peerOf(int(fd)) }); err != nil {
		return err
	}
	switch {
	case peerErr != nil:
		return peerErr
	case known && uid != self:
		return fmt.Errorf("%w (uid %d)", errOtherUser, uid)
	}
	return nil
}

// explain turns what went wrong with the folder into one sentence that says what to do.
func (f folder) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s cannot be written: %w; choose another with --data", f.Data, err)
	case errors.Is(err, bolt.ErrInUse):
		return fmt.Errorf("%s is in use by another wavepass: end that one, or choose another folder with --data", f.Data)
	case errors.Is(err, bolt.ErrFormat) && !errors.Is(err, schema.ErrNewer):
		return fmt.Errorf("%w; nothing was changed: put a copy of %s back, or move the whole folder away to begin anew", err, databaseName)
	case f.DynamoDB != "":
		return explainSchema(err, "the table at "+f.DynamoDB, " --dynamodb "+f.DynamoDB)
	}
	return explainSchema(err, f.Data, f.flag())
}
