package witness

import (
	"errors"
	"fmt"
)

// What AddCheckpoint refuses, beside a *ConflictError. The comments give the
// HTTP status of c2sp.org/tlog-witness.
var (
	ErrBadRequest    = errors.New("the request is malformed")                                   // 400
	ErrNotSigned     = errors.New("the checkpoint is not signed by the log")                    // 403
	ErrUnknownLog    = errors.New("the witness does not watch this log")                        // 404
	ErrNotConsistent = errors.New("the checkpoint is not proven to continue what was cosigned") // 422
)

// ErrClock says that the clock is behind the witness's last cosignature: to sign
// would be to say that it had not yet seen what it has cosigned.
var ErrClock = errors.New("the clock is behind the last cosignature")

// ErrRestored says that the witness's record of a log comes from a backup. It may
// have cosigned more since, and would cosign a second history after the first.
var ErrRestored = errors.New("the witness was restored from a backup, and what it cosigned since is not confirmed")

// A FailedError says why a witness did not cosign.
type FailedError struct {
	Witness string // its name
	Err     error
}

func (e *FailedError) Error() string { return fmt.Sprintf("witness %s: %v", e.Witness, e.Err) }
func (e *FailedError) Unwrap() error { return e.Err }

// A ConflictError says that the old size of a request is not that of the last
// checkpoint that the witness cosigned. Its HTTP status is 409.
type ConflictError struct {
	Size uint64 // what the witness has
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the witness last cosigned size %d", e.Size)
}
