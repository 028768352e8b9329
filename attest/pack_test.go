package attest

import (
	"archive/zip"
	"bytes"
	"math/rand/v2"
	"testing"
)

// What would be no smaller is stored, and equal packs are equal files.
func TestWriteZip(t *testing.T) {
	hashes := make([]byte, 5*sampleSize/2)
	rand.NewChaCha8([32]byte{}).Read(hashes)
	text := bytes.Repeat([]byte(`{"grade":"1","item":7}`), sampleSize/8)
	var files [2][]byte
	var artifacts []Artifact
	for i := range files {
		pack := NewPack()
		artifacts = []Artifact{
			pack.AddArtifact(hashes, "", "hashes"),
			pack.AddArtifact(text, "", "text"),
			pack.AddArtifact(hashes[:sampleSize-1], "", "small"),
		}
		var b bytes.Buffer
		if err := pack.WriteZip(&b); err != nil {
			t.Fatal(err)
		}
		files[i] = b.Bytes()
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("equal packs are different files")
	}
	z, err := zip.NewReader(bytes.NewReader(files[0]), int64(len(files[0])))
	if err != nil {
		t.Fatal(err)
	}
	pack, err := ReadZip(bytes.NewReader(files[0]), int64(len(files[0])))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		data   []byte
		method uint16
	}{{hashes, zip.Store}, {text, zip.Deflate}, {hashes[:sampleSize-1], zip.Deflate}} {
		got, err := pack.Artifact(artifacts[i])
		if err != nil || !bytes.Equal(got, want.data) {
			t.Errorf("%s: other bytes, %v", artifacts[i].Name, err)
		}
		for _, f := range z.File {
			if f.Name == "artifacts/"+artifacts[i].SHA256.String() && f.Method != want.method {
				t.Errorf("%s: method %d, want %d", artifacts[i].Name, f.Method, want.method)
			}
		}
	}
}
