package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/proctor-attest/proctor/ledger/durable"
)

// restoredMark is in restoredFile.
type restoredMark struct {
	Made     time.Time `json:"made"` // the backup
	Restored time.Time `json:"restored"`
}

func (h *home) mark(m restoredMark) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return durable.WriteFile(h.path(restoredFile), append(text, '\n'), 0o644)
}

// restored returns the mark of a home that was restored and not confirmed, or nil.
func (h *home) restored() (*restoredMark, error) {
	text, err := readLimited(h.path(restoredFile), 1<<12)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := new(restoredMark)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", h.path(restoredFile), err)
	}
	return m, nil
}

// checkConfirmed refuses to sign with a home that was restored, until somebody has
// said which statements were made after the backup.
func (h *home) checkConfirmed() error {
	m, err := h.restored()
	if m == nil || err != nil {
		return err
	}
	return withHint(fmt.Errorf("%s was restored from a backup of %s: statements signed after it may be known to others, and to sign their numbers again would be equivocation", h.dir, m.Made.Format(time.RFC3339)),
		`"proctor restore --confirm --ledger DIR" takes what the ledger or the newest copy of it holds, and lets the home sign again`)
}
