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
	x, y, err := r.metadata(a, b)
	if err != nil {
		return err
	}
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
	return r.templates(a, b, x, y)
}

// metadata compares what two GGUFs say beside their tensors, and returns the values
// where they are at hand.
func (r *Report) metadata(a, b *Side) (x, y map[string]any, err error) {
	if r.role(roleKV).State != Changed {
		return nil, nil, nil
	}
	d := JSON{Path: "GGUF metadata", Members: []Member{}}
	if a.Metadata != nil && b.Metadata != nil {
		if x, err = a.Metadata(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", a.Name, err)
		}
		if y, err = b.Metadata(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", b.Name, err)
		}
		d.compareObjects("", x, y)
	}
	// Types differ without the values, and values may not be known at all.
	for _, m := range compareKV(a.KV, b.KV) {
		if !slices.ContainsFunc(d.Members, func(o Member) bool { return o.Pointer == m.Pointer || strings.HasPrefix(o.Pointer, m.Pointer+"/") }) {
			d.Members = append(d.Members, m)
		}
	}
	slices.SortStableFunc(d.Members, func(a, b Member) int { return strings.Compare(a.Pointer, b.Pointer) })
	r.JSON = append(r.JSON, d)
	return x, y, nil
}

// compareKV compares keys, sorted, by their leaves.
func compareKV(a, b []model.KV) (out []Member) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Key < b[0].Key:
			out = append(out, Member{Pointer: pointerTo(a[0].Key), Note: string(Removed)})
			a = a[1:]
		case len(a) == 0 || b[0].Key < a[0].Key:
			out = append(out, Member{Pointer: pointerTo(b[0].Key), Note: string(Added)})
			b = b[1:]
		default:
			switch {
			case a[0].Type != b[0].Type:
				out = append(out, Member{Pointer: pointerTo(a[0].Key), Note: fmt.Sprintf("of type %d and of type %d", a[0].Type, b[0].Type)})
			case a[0].Leaf != b[0].Leaf:
				out = append(out, Member{Pointer: pointerTo(a[0].Key), Note: string(Changed)})
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
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

// templateKey is where a GGUF has its chat template, which a file beside it replaces.
const templateKey = "tokenizer.chat_template"

func (r *Report) templates(a, b *Side, kvA, kvB map[string]any) error {
	if r.role(roleTemplate).State != Changed {
		return nil
	}
	x, err := a.template(kvA)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Name, err)
	}
	y, err := b.template(kvB)
	if err != nil {
		return fmt.Errorf("%s: %w", b.Name, err)
	}
	r.Template = textDiff(a.Name, x, b.Name, y)
	return nil
}

func (s *Side) template(kv map[string]any) ([]byte, error) {
	text, err := model.ChatTemplate(s.has, s.read)
	if text == nil && err == nil {
		inside, _ := kv[templateKey].(string)
		text = []byte(inside)
	}
	return text, err
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
