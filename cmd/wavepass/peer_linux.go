package main

import "golang.org/x/sys/unix"

// peerOf is the user at the other end of a Unix socket, as the kernel noted it when the connection was made.
func peerOf(fd int) (uid int, known bool, err error) {
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, false, err
	}
	return int(peer.Uid), true, nil
}
