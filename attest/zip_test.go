package attest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// zipFile is a file of a zip that is written byte by byte: what its own header says
// can differ from what the directory says.
type zipFile struct {
	name, data string
	own        func(*zip.FileHeader) // changes what its own header says
	extra      string                // of its own header
	gap        string                // what lies before it
	unlisted   bool                  // it is not in the directory
	again      bool                  // it is in the directory alone, with the data of the file before it
}

// zipOf writes a zip, all files of which are stored.
func zipOf(files ...zipFile) []byte {
	var out, dir bytes.Buffer
	at, count := 0, 0
	for _, f := range files {
		h := zip.FileHeader{
			Name: f.name, CRC32: crc32.ChecksumIEEE([]byte(f.data)),
			CompressedSize64: uint64(len(f.data)), UncompressedSize64: uint64(len(f.data)),
		}
		own := h
		if f.own != nil {
			f.own(&own)
		}
		if !f.again {
			out.WriteString(f.gap)
			at = out.Len()
			out.Write(fields(localMark, uint16(20), own.Flags, own.Method, uint32(0), own.CRC32,
				uint32(own.CompressedSize64), uint32(own.UncompressedSize64), uint16(len(own.Name)), uint16(len(f.extra))))
			out.WriteString(own.Name + f.extra + f.data)
		}
		if !f.unlisted {
			dir.Write(fields(listedMark, uint32(20|20<<16), h.Flags, h.Method, uint32(0), h.CRC32, uint32(h.CompressedSize64), uint32(h.UncompressedSize64),
				uint16(len(h.Name)), uint32(0), uint32(0), uint32(0o644<<16), uint32(at)))
			dir.WriteString(h.Name)
			count++
		}
	}
	start := out.Len()
	out.Write(dir.Bytes())
	out.Write(fields(endMark, uint32(0), uint16(count), uint16(count), uint32(dir.Len()), uint32(start), uint16(0)))
	return out.Bytes()
}

// fields writes numbers as a zip holds them.
func fields(mark uint32, numbers ...any) []byte {
	out := le.AppendUint32(nil, mark)
	for _, n := range numbers {
		switch n := n.(type) {
		case uint16:
			out = le.AppendUint16(out, n)
		case uint32:
			out = le.AppendUint32(out, n)
		case uint64:
			out = le.AppendUint64(out, n)
		}
	}
	return out
}

// with64 puts the end records of zip64 into a zip, with that many files.
func with64(data []byte, count uint64) []byte {
	at := len(data) - endSize
	end := data[at:]
	out := append([]byte(nil), data[:at]...)
	out = append(out, fields(end64Mark, uint64(end64Size-12), uint32(0), uint32(0), uint32(0), count, count, uint64(le.Uint32(end[12:])), uint64(le.Uint32(end[16:])))...)
	out = append(out, fields(locatorMark, uint32(0), uint64(at), uint32(1))...)
	return append(out, end...)
}

// goZip writes a zip as archive/zip does.
func goZip(t testing.TB, headers ...*zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, h := range headers {
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, "/") {
			if _, err := w.Write([]byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func artifactName(n int) string { return fmt.Sprintf("artifacts/%064x", n) }

// Two readers of one zip must not see two packs, and none of them a file outside it.
func TestZipTricks(t *testing.T) {
	a, b := zipFile{name: artifactName(1), data: "one"}, zipFile{name: artifactName(2), data: "two"}
	change := func(f zipFile, change func(*zipFile)) zipFile {
		change(&f)
		return f
	}
	own := func(f zipFile, to func(*zip.FileHeader)) zipFile { f.own = to; return f }
	named := func(name string) []byte { return zipOf(a, zipFile{name: name, data: "{}"}) }
	patched := func(data []byte, at int, by byte) []byte { data[(len(data)+at)%len(data)] ^= by; return data }
	link := &zip.FileHeader{Name: artifactName(1)}
	link.SetMode(fs.ModeSymlink | 0o777)
	described := &zip.FileHeader{Name: artifactName(1), Method: zip.Deflate}
	for _, tt := range []struct {
		name string
		zip  []byte
		want string
	}{
		{"one name twice", zipOf(a, a), "appears twice"},
		{"case twins", zipOf(zipFile{name: "artifacts/" + strings.Repeat("a", 64)}, zipFile{name: "artifacts/" + strings.Repeat("A", 64)}), "differ in case alone"},
		{"a link", goZip(t, link), "not a regular file"},
		{"an escape", named("../" + artifactName(2)), "want only entries/"},
		{"an escape from a folder", named("entries/../" + artifactName(2)), "want only entries/"},
		{"an absolute name", named("/" + artifactName(2)), "want only entries/"},
		{"a drive", named("C:/" + artifactName(2)), "want only entries/"},
		{"backslashes", named(`artifacts\` + artifactName(2)[10:]), "want only entries/"},
		{"an end of text in a name", named(artifactName(2) + "\x00.txt"), "hash"},
		{"another folder", named("scripts/run"), "want only entries/"},
		{"another folder, empty", goZip(t, &zip.FileHeader{Name: "scripts/"}), "want only entries/"},
		{"a policy of its own", named("policy.toml"), "want only entries/"},
		{"something before it", append([]byte("#!/bin/sh\n"), zipOf(a, b)...), "precedes"},
		{"something behind it", append(zipOf(a, b), "more"...), "follows it"},
		{"a zip behind it", append(zipOf(a), zipOf(b)...), "precedes"},
		{"a comment", append(patched(zipOf(a), -2, 4), "more"...), "follows it"},
		{"a comment that is not there", patched(zipOf(a), -2, 4), "with a comment"},
		{"a part of several", patched(zipOf(a), -18, 1), "several parts"},
		{"something between two files", zipOf(a, change(b, func(f *zipFile) { f.gap = "more" })), "does not follow the file before it"},
		{"a file that is not listed", zipOf(a, change(b, func(f *zipFile) { f.unlisted = true })), "between the last file and the directory"},
		{"a file that is not listed, before another", zipOf(change(a, func(f *zipFile) { f.unlisted = true }), b), "the two overlap, or something lies between"},
		{"one file under two names", zipOf(a, change(a, func(f *zipFile) { f.name, f.again = artifactName(2), true })), "does not follow the file before it"},
		{"another name in its own header", zipOf(own(a, func(h *zip.FileHeader) { h.Name = artifactName(3) })), "has another name"},
		{"a shorter name in its own header", zipOf(own(a, func(h *zip.FileHeader) { h.Name = "x" })), "has another name"},
		{"another name in Unicode", zipOf(change(a, func(f *zipFile) { f.extra = "\x75\x70\x05\x00\x01\x00\x00\x00\x00" })), "has another name"},
		{"another size in its own header", zipOf(own(a, func(h *zip.FileHeader) { h.UncompressedSize64 = 2 })), "how large"},
		{"another stored size in its own header", zipOf(own(a, func(h *zip.FileHeader) { h.CompressedSize64 = 2 })), "how large"},
		{"a size of 64 bits in its own header", zipOf(own(a, func(h *zip.FileHeader) { h.CompressedSize64 = math.MaxUint32 })), "how large"},
		{"another checksum in its own header", zipOf(own(a, func(h *zip.FileHeader) { h.CRC32++ })), "another checksum"},
		{"another method in its own header", zipOf(own(a, func(h *zip.FileHeader) { h.Method = zip.Deflate })), "differently how it is stored"},
		{"encrypted in its own header", zipOf(own(a, func(h *zip.FileHeader) { h.Flags = 1 })), "differently how it is stored"},
		{"encrypted", patched(patched(zipOf(a), 6, 1), bytes.Index(zipOf(a), []byte("PK\x01\x02"))+8, 1), "is encrypted"},
		{"a descriptor that says otherwise", patched(goZip(t, described), bytes.Index(goZip(t, described), []byte("PK\x07\x08"))+12, 1), "what follows it"},
		{"fewer files than listed", patched(patched(zipOf(a, b), -12, 3), -14, 3), "does not end where it says"},
		{"more files than listed", patched(patched(zipOf(a, b), -12, 1), -14, 1), "directory"},
		{"two counts in the end", patched(zipOf(a, b), -12, 3), "several parts"},
		{"another length of the directory", patched(zipOf(a), -10, 1), "precedes"},
		{"another place of the directory", patched(zipOf(a), -6, 1), "precedes"},
		{"more files in zip64", with64(zipOf(a), 2), "which differ"},
		{"more files in one part of zip64", patched(with64(zipOf(a), 1), -74, 2), "which differ"},
		{"another length than in zip64", patched(with64(zipOf(a), 1), -10, 1), "which differ"},
		{"another place than in zip64", patched(with64(zipOf(a), 1), -6, 1), "which differ"},
		{"another place of the records of zip64", patched(with64(zipOf(a), 1), -34, 1), "which differ"},
		{"more files than anybody has, in zip64", with64(patched(patched(patched(patched(zipOf(a), -12, 0xfe), -11, 0xff), -14, 0xfe), -13, 0xff), math.MaxUint64), "at most"},
		{"cut short", zipOf(a, b)[:60], "not a zip"},
		{"nothing", nil, "not a zip"},
	} {
		_, err := ReadZip(bytes.NewReader(tt.zip), int64(len(tt.zip)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error that says %q", tt.name, err, tt.want)
		}
	}
	for name, data := range map[string][]byte{
		"stored":                    zipOf(a, b),
		"with the records of zip64": with64(zipOf(a, b), 2),
		"with an extra field":       zipOf(change(a, func(f *zipFile) { f.extra = "\x55\x54\x05\x00\x03\x00\x00\x00\x00" }), b),
		"by archive/zip":            goZip(t, &zip.FileHeader{Name: "artifacts/"}, described),
		"empty":                     zipOf(),
	} {
		if _, err := ReadZip(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a pack holds is counted before any of it is kept.
func TestTooManyFiles(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	disk := fstest.MapFS{}
	for i := range maxPackFiles + 1 {
		if _, err := z.CreateRaw(&zip.FileHeader{Name: artifactName(i)}); err != nil {
			t.Fatal(err)
		}
		disk[artifactName(i)] = &fstest.MapFile{}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadZip(bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil || !strings.Contains(err.Error(), "at most 100000") {
		t.Errorf("ReadZip of %d files: %v", maxPackFiles+1, err)
	}
	if _, err := ReadDir(disk); err == nil || !strings.Contains(err.Error(), "more than 100000") {
		t.Errorf("ReadDir of %d files: %v", maxPackFiles+1, err)
	}
}

// Packs that people put together with what they have are read.
func TestForeignZips(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, artifactName(1))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.Repeat([]byte("row\n"), 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tool := range [][]string{
		{"python3", "-m", "zipfile", "-c", "out.zip", "artifacts"},
		{"zip", "-q", "-r", "out.zip", "artifacts"},
		{"bsdtar", "-a", "-cf", "out.zip", "artifacts"},
		{"7z", "a", "-bd", "out.zip", "artifacts"},
	} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			continue
		}
		cmd := exec.Command(tool[0], tool[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", tool, err, out)
		}
		data, err := os.ReadFile(filepath.Join(dir, "out.zip"))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := ReadZip(bytes.NewReader(data), int64(len(data))); err != nil || len(p.artifacts) != 1 {
			t.Errorf("a zip by %s: %v", tool[0], err)
		}
		if err := os.Remove(filepath.Join(dir, "out.zip")); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzReadZip looks for panics, and for packs that are read and cannot be written.
func FuzzReadZip(f *testing.F) {
	a, b := zipFile{name: artifactName(1), data: "one"}, zipFile{name: artifactName(2), data: "two"}
	f.Add(zipOf(a, b))
	f.Add(with64(zipOf(a, b), 2))
	f.Add(goZip(f, &zip.FileHeader{Name: "artifacts/"}, &zip.FileHeader{Name: artifactName(1), Method: zip.Deflate}))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadZip(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := p.WriteZip(&out); err != nil {
			return // its bytes are not those that their header says
		}
		if _, err := ReadZip(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil {
			t.Errorf("a pack that was written is not read: %v", err)
		}
	})
}
