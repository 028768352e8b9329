//go:build unix

package tiles

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/proctor-attest/proctor/ledger"
)

// named makes an error of a disk without room one that is ledger.ErrFull. Tessera keeps
// of most errors the text alone.
func named(err error) error {
	if err == nil || errors.Is(err, ledger.ErrFull) {
		return err
	}
	for _, full := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, full) || strings.Contains(err.Error(), full.Error()) {
			return fmt.Errorf("%w: %w", ledger.ErrFull, err)
		}
	}
	return err
}

// checkRoom tries to write what a checkpoint needs.
func checkRoom(dir string) error {
	f, err := os.CreateTemp(dir, ".write-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4<<10))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
