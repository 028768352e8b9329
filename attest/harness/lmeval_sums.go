package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// lmevalSums compares the hashes that the lines of a samples file have with what they
// are hashes of.
type lmevalSums struct {
	task  hash.Hash // over the hashes of all lines
	names [len(lmevalHashes)]lmevalSum
}

// lmevalSum is what is known of one of a line's hashes.
type lmevalSum struct {
	wrong, first int // lines where it is of something else, and the first of them
	unsaid       int // lines where it could not be looked at
}

// add looks at one line, and returns the digest of its prompt.
func (s *lmevalSums) add(line int, sample *lmevalSample) (prompt Digest) {
	if s.task == nil {
		s.task = sha256.New()
	}
	for i, name := range lmevalHashes {
		sum := &s.names[i]
		logged, _ := sample.get(name).text()
		s.task.Write([]byte(logged))
		over, err := sample.over(name)
		of := sha256.Sum256(over)
		if name == "prompt_hash" && err == nil {
			prompt = Digest(of[:])
		}
		var text [2 * sha256.Size]byte
		hex.Encode(text[:], of[:])
		switch {
		case logged == "" || err != nil:
			sum.unsaid++
		case string(text[:]) != logged:
			if sum.wrong++; sum.wrong == 1 {
				sum.first = line
			}
		}
	}
	return prompt
}

// tell notes what was found in a file.
func (s *lmevalSums) tell(of *lmevalItems) {
	for i, name := range lmevalHashes {
		sum := s.names[i]
		if sum.wrong > 0 {
			of.notice(sum.first, fmt.Sprintf("in %d of %d lines the stored %s is not the hash of what is stored", sum.wrong, of.lines, name))
		}
		if sum.unsaid > 0 {
			of.run.Absent = append(of.run.Absent, fmt.Sprintf("%s in %d of %d lines", name, sum.unsaid, of.lines))
		}
	}
}

// ofTask is what task_hashes has of the task, if it is of these lines.
func (s *lmevalSums) ofTask() string {
	if s.task == nil {
		return ""
	}
	return hex.EncodeToString(s.task.Sum(nil))
}
