//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// fileNumber is another one when a file was replaced.
func fileNumber(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}
