package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/ledger"
)

const (
	addPath  = "/add-checkpoint"
	sizeType = "text/x.tlog.size"

	// "The client MUST NOT send more than 63 consistency proof lines."
	maxProof = 63
	maxBody  = 64<<10 + maxProof*45
)

// Handler serves a witness as c2sp.org/tlog-witness says, with one prefix for
// submission and monitoring: POST /add-checkpoint and GET /HASH/checkpoint, where HASH
// is the SHA-256 of a log's origin in hex.
//
// Failed is told of every request that was not answered with a cosignature or a
// checkpoint, with the status that it got; it may be nil. What a log signed and the
// witness refused is worth keeping: two such checkpoints can prove that it lied.
func Handler(w *Witness, failed func(status int, checkpoint []byte, err error)) http.Handler {
	if failed == nil {
		failed = func(int, []byte, error) {}
	}
	h := &handler{w, failed}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+addPath, h.add)
	mux.HandleFunc("GET /{hash}/checkpoint", h.checkpoint)
	return mux
}

type handler struct {
	witness *Witness
	failed  func(status int, checkpoint []byte, err error)
}

func (h *handler) add(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		h.fail(rw, nil, fmt.Errorf("%w: %w", ErrBadRequest, err))
		return
	}
	old, proof, checkpoint, err := parseRequest(body)
	if err != nil {
		h.fail(rw, nil, fmt.Errorf("%w: %w", ErrBadRequest, err))
		return
	}
	// A client that goes away does not make what was begun half done.
	lines, err := h.witness.AddCheckpoint(context.WithoutCancel(r.Context()), old, proof, checkpoint)
	if err != nil {
		h.fail(rw, checkpoint, err)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Write(lines)
}

func (h *handler) checkpoint(rw http.ResponseWriter, r *http.Request) {
	logs, err := h.witness.Logs()
	if err != nil {
		h.fail(rw, nil, err)
		return
	}
	i := slices.IndexFunc(logs, func(l ledger.LogKey) bool { return originHash(l.Origin) == r.PathValue("hash") })
	if i < 0 {
		h.fail(rw, nil, ErrUnknownLog)
		return
	}
	signed, err := h.witness.Checkpoint(logs[i].Origin)
	switch {
	case err != nil:
		h.fail(rw, nil, err)
	case signed == nil:
		h.fail(rw, nil, fmt.Errorf("%w: nothing of it was cosigned yet", ErrUnknownLog))
	default:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Header().Set("Cache-Control", "no-store")
		rw.Write(signed)
	}
}

// fail answers with the status of the specification, and with one line that says no
// more than whoever asks may know.
func (h *handler) fail(rw http.ResponseWriter, checkpoint []byte, err error) {
	status, text := http.StatusInternalServerError, "the witness cannot answer now"
	var conflict *ConflictError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &conflict):
		h.failed(http.StatusConflict, checkpoint, err)
		rw.Header().Set("Content-Type", sizeType)
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", conflict.Size)
		return
	case errors.As(err, &large):
		status, text = http.StatusRequestEntityTooLarge, err.Error()
	case errors.Is(err, ErrBadRequest):
		status, text = http.StatusBadRequest, err.Error()
	case errors.Is(err, ErrNotSigned):
		status, text = http.StatusForbidden, err.Error()
	case errors.Is(err, ErrUnknownLog):
		status, text = http.StatusNotFound, err.Error()
	case errors.Is(err, ErrNotConsistent):
		status, text = http.StatusUnprocessableEntity, err.Error()
	case errors.Is(err, ErrClock), errors.Is(err, ErrRestored):
		status, text = http.StatusServiceUnavailable, err.Error()
	}
	h.failed(status, checkpoint, err)
	http.Error(rw, text, status)
}

// parseRequest reads the body of an add-checkpoint request.
func parseRequest(body []byte) (old uint64, proof [][32]byte, checkpoint []byte, err error) {
	head, checkpoint, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return 0, nil, nil, errors.New("no empty line before the checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	size, ok := strings.CutPrefix(lines[0], "old ")
	if !ok {
		return 0, nil, nil, errors.New(`want "old" and a size in the first line`)
	}
	old, err = strconv.ParseUint(size, 10, 64)
	if err != nil || strconv.FormatUint(old, 10) != size {
		return 0, nil, nil, errors.New("the old size is not a decimal number without leading zeros")
	}
	if len(lines)-1 > maxProof {
		return 0, nil, nil, fmt.Errorf("%d proof lines, the most is %d", len(lines)-1, maxProof)
	}
	for i, line := range lines[1:] {
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != 32 {
			return 0, nil, nil, fmt.Errorf("proof line %d is not the base64 of 32 bytes", i+1)
		}
		proof = append(proof, [32]byte(raw))
	}
	return old, proof, checkpoint, nil
}

// formatRequest writes the body of an add-checkpoint request.
func formatRequest(old uint64, proof [][32]byte, checkpoint []byte) []byte {
	body := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range proof {
		body = fmt.Appendf(body, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	return append(append(body, '\n'), checkpoint...)
}
