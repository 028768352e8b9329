package model

import (
	"io/fs"
	"syscall"
)

// stampOf is what a file system says beside size and time of change, which any
// program can set: the file itself, and when its inode changed.
func stampOf(info fs.FileInfo) stamp {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}
	}
	sec, nsec := s.Ctim.Unix()
	return stamp{Device: uint64(s.Dev), Inode: s.Ino, Changed: sec*1e9 + nsec}
}
