package foreign

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/schemas"
)

const prmlPredicate = "https://falsify.dev/prml/"

var lacksAll = []string{"anything: nothing in it was judged"}

// readStatement reads an in-toto statement; it returns nil for one of Proctor's own,
// and for what is none. The wrapping says in what it came.
func readStatement(tree any, wrapping string) *Reading {
	o, ok := tree.(map[string]any)
	predicateType, isText := o["predicateType"].(string)
	if !ok || !isText {
		return nil
	}
	if schemas.Ours(predicateType) {
		return nil
	}
	var c checker
	o = c.object("", o, "_type", "predicateType", "subject", "predicate")
	c.subjects(o)
	if slices.Contains(evalResultTypes, predicateType) {
		return readEvalResult(c, o, predicateType, wrapping)
	}
	if strings.HasPrefix(predicateType, prmlPredicate) {
		c.prmlDigest(o)
	}
	r := &Reading{Kind: fmt.Sprintf("an in-toto statement of the type %s%s", predicateType, wrapping), Broken: c.err, Lacks: lacksAll}
	if strings.HasPrefix(predicateType, prmlPredicate) {
		r.Found = append(r.Found, "The PRML manifest that it is about is not part of it: \"proctor verify\" reads that file")
	} else {
		r.Found = append(r.Found, "What such a statement must hold is not known here")
	}
	return r
}

// prmlDigest checks that a statement on a PRML manifest is about the one that it names.
func (c *checker) prmlDigest(o map[string]any) {
	p := c.object("predicate", o["predicate"], "manifest_sha256")
	sum := c.text("predicate", p, "manifest_sha256")
	list, _ := o["subject"].([]any)
	if !slices.ContainsFunc(list, func(v any) bool {
		subject, _ := v.(map[string]any)
		digest, _ := subject["digest"].(map[string]any)
		return digest["sha256"] == sum
	}) {
		c.fail("no subject has the digest that manifest_sha256 says")
	}
}

func (c *checker) subjects(o map[string]any) {
	list, _ := o["subject"].([]any)
	if len(list) == 0 {
		c.fail("no subject")
	}
	for i, v := range list {
		c.descriptor(fmt.Sprintf("subject[%d]", i), v)
	}
}

// digestSizes are the lengths of digests in bytes by the names that in-toto gives
// them. Others are taken at any length.
var digestSizes = map[string]int{
	"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64, "sha512_224": 28, "sha512_256": 32,
	"sha3_224": 28, "sha3_256": 32, "sha3_384": 48, "sha3_512": 64, "gitCommit": 20, "gitTree": 20, "gitBlob": 20, "gitTag": 20,
}

// descriptor checks that a descriptor has digests, and that they are of what it
// carries. It returns the digests as text.
func (c *checker) descriptor(path string, v any) string {
	o := c.object(path, v, "name", "uri", "digest", "content", "downloadLocation", "mediaType")
	if _, ok := o["digest"]; !ok {
		c.fail("%s without a digest", path)
		return ""
	}
	digest := c.object(path+".digest", o["digest"], slices.Collect(maps.Keys(digestSizes))...)
	if len(digest) == 0 {
		c.fail("%s without a digest", path)
	}
	var all []string
	for _, alg := range slices.Sorted(maps.Keys(digest)) {
		value := c.text(path+".digest", digest, alg)
		err := hexDigits(value, digestSizes[alg])
		if strings.HasPrefix(alg, "git") && len(value) == 2*sha256.Size {
			err = hexDigits(value, sha256.Size) // of a repository that hashes with SHA-256
		}
		if err != nil {
			c.fail("%s.digest.%s: %v", path, clip(alg), err)
		}
		all = append(all, alg+":"+value)
	}
	for _, name := range []string{"name", "uri", "downloadLocation", "mediaType"} {
		if v, ok := o[name]; ok {
			if _, isText := v.(string); !isText {
				c.fail("%s.%s is no text", path, name)
			}
		}
	}
	c.carried(path, o, digest)
	return strings.Join(all, " ")
}

// carried checks content that a descriptor brings along.
func (c *checker) carried(path string, o, digest map[string]any) {
	v, ok := o["content"]
	if !ok {
		return
	}
	text, _ := v.(string)
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		c.fail("%s.content is not base64", path)
	}
	want, ok := digest["sha256"].(string)
	if sum := sha256.Sum256(content); ok && !bytes.Equal([]byte(hex.EncodeToString(sum[:])), []byte(want)) {
		c.fail("%s.content is not what its digest says", path)
	}
}
