//go:build !linux && !darwin && !freebsd

package main

// peerOf is not known here: the modes of the folder and of the socket keep others out.
func peerOf(int) (uid int, known bool, err error) { return 0, false, nil }
