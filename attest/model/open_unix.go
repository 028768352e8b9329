//go:build unix

package model

import "syscall"

// openFlags keep an open from waiting for whoever writes into a FIFO that took a
// file's place.
const openFlags = syscall.O_NONBLOCK
