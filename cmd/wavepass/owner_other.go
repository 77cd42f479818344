//go:build !unix

package main

import "io/fs"

// ownerOf is not known where the system has no such ids: there the folder of a person is closed to others by itself.
func ownerOf(fs.FileInfo) (uid, gid int, known bool) { return 0, 0, false }
