package hub

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// MaxPointer is larger than any pointer: "Pointer files must be less than 1024 bytes in
// size".
const MaxPointer = 1024

const pointerVersion = "version https://git-lfs.github.com/spec/"

// isPointer goes by the first line, as git-lfs does.
func isPointer(data []byte) bool { return bytes.HasPrefix(data, []byte(pointerVersion)) }

// Pointer reads what a Git LFS pointer says of the file in whose place it stands, and
// reports whether data begins as one does. An error is of a pointer that cannot be read.
func Pointer(data []byte) (f File, is bool, err error) {
	if !isPointer(data) {
		return File{}, false, nil
	}
	f, err = parsePointer(data)
	return f, true, err
}

// parsePointer reads the lines: "version", and the others sorted by key. Those of
// extensions are passed over: they name the SHA-256 of bytes before they were
// transformed.
func parsePointer(data []byte) (File, error) {
	if len(data) >= MaxPointer {
		return File{}, fmt.Errorf("LFS pointer of %d bytes, want less than %d", len(data), MaxPointer)
	}
	text, ok := strings.CutSuffix(string(data), "\n")
	if !ok {
		return File{}, errors.New("LFS pointer: the last line does not end")
	}
	var f File
	last := ""
	for i, line := range strings.Split(text, "\n") {
		key, value, ok := strings.Cut(line, " ")
		if !ok || key == "" || value == "" {
			return File{}, fmt.Errorf("LFS pointer: line %d is %.80q, want a key and a value", i+1, line)
		}
		if i == 0 {
			if value != "https://git-lfs.github.com/spec/v1" {
				return File{}, fmt.Errorf("LFS pointer: version %.80q is not known", value)
			}
			continue
		}
		if key <= last {
			return File{}, fmt.Errorf("LFS pointer: line %d: key %.40q is repeated or out of order", i+1, key)
		}
		last = key
		switch key {
		case "oid":
			hash, err := attest.ParseHash(strings.TrimPrefix(value, "sha256:"))
			if err != nil || !strings.HasPrefix(value, "sha256:") {
				return File{}, fmt.Errorf("LFS pointer: oid %.100q is not sha256: and 64 hex digits", value)
			}
			f.SHA256 = &hash
		case "size":
			size, err := strconv.ParseUint(value, 10, 63)
			if err != nil || strconv.FormatUint(size, 10) != value {
				return File{}, fmt.Errorf("LFS pointer: size %.40q is not a number of bytes", value)
			}
			f.Size = &size
		}
	}
	if f.SHA256 == nil || f.Size == nil {
		return File{}, errors.New("LFS pointer: oid or size is missing")
	}
	return f, nil
}
