package diff

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model"
)

// maxContent is the largest file that is read to see what differs in it. The largest
// tokenizers are about 35 MB.
const maxContent = 64 << 20

// contents compares what is inside the files that differ, where the bytes are at hand.
func (r *Report) contents(a, b *Side) error {
	if a.Read == nil || b.Read == nil {
		if slices.ContainsFunc(r.Files, func(f File) bool { return path.Ext(f.Path) == ".json" && f.State == Changed }) {
			r.unknown("what differs inside of files", withoutBytes(a, b))
		}
		return nil
	}
	for _, f := range r.Files {
		if path.Ext(f.Path) != ".json" || f.First == nil || f.Second == nil {
			continue
		}
		if max(*f.First.Size, *f.Second.Size) > maxContent {
			r.unknown("what differs inside of "+f.Path, fmt.Sprintf("more than %d MB", maxContent>>20))
			continue
		}
		x, err := a.read(f.Path)
		if err != nil {
			return err
		}
		y, err := b.read(f.Path)
		if err != nil {
			return err
		}
		r.JSON = append(r.JSON, compareJSON(f.Path, x, y))
	}
	return r.templates(a, b)
}

func withoutBytes(a, b *Side) string {
	missing := a
	if a.Read != nil {
		missing = b
	}
	return fmt.Sprintf("of the %s %s only digests are at hand", missing.Kind, missing.Name)
}

func (s *Side) has(name string) bool {
	return slices.ContainsFunc(s.Files, func(f hub.File) bool { return f.Path == name })
}

// read returns a file's bytes, if they still are those that were hashed.
func (s *Side) read(name string) ([]byte, error) {
	data, err := s.Read(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	i := slices.IndexFunc(s.Files, func(f hub.File) bool { return f.Path == name })
	if *s.Files[i].SHA256 != sha256.Sum256(data) {
		return nil, fmt.Errorf("%s: %q changed while it was being read (wait until nothing writes to the directory)", s.Name, name)
	}
	return data, nil
}

func (r *Report) templates(a, b *Side) error {
	if r.role(roleTemplate).State != Changed {
		return nil
	}
	x, err := model.ChatTemplate(a.has, a.read)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Name, err)
	}
	y, err := model.ChatTemplate(b.has, b.read)
	if err != nil {
		return fmt.Errorf("%s: %w", b.Name, err)
	}
	r.Template = textDiff(a.Name, x, b.Name, y)
	return nil
}

// longLine is more than a line of a template that somebody wrote in lines.
const longLine = 200

// textDiff is the difference of two texts in unified format, "" where there is none.
// Templates are often one long line: both are broken before each tag of Jinja then, for
// showing only.
func textDiff(nameA string, a []byte, nameB string, b []byte) string {
	isLong := func(line []byte) bool { return len(line) > longLine }
	if slices.ContainsFunc(bytes.Split(a, []byte("\n")), isLong) || slices.ContainsFunc(bytes.Split(b, []byte("\n")), isLong) {
		if !bytes.Equal(a, b) {
			tags := strings.NewReplacer("{%", "\n{%", "{{", "\n{{")
			a, b = []byte(tags.Replace(string(a))), []byte(tags.Replace(string(b)))
		}
	}
	_, text, _ := strings.Cut(string(diff.Diff(nameA, a, nameB, b)), "\n") // the command line before it
	return text
}
