//go:build unix

package main

import "golang.org/x/sys/unix"

// spareDescriptors is how many files a service may have open beside its connections.
const spareDescriptors = 256

// affordable is how many connections of those that are wanted this process may have.
func affordable(wanted int) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) >= uint64(wanted+spareDescriptors) {
		return wanted
	}
	return max(1, int(limit.Cur)-spareDescriptors)
}
