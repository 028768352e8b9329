package oms

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edited is a sound bundle in which one text was replaced, before it was signed
// where it is in the payload.
func edited(t testing.TB, old, new string) string {
	t.Helper()
	payload := statement(twoResources, byFilesJSON)
	if strings.Contains(payload, old) {
		return bundle(strings.Replace(payload, old, new, 1), keyMaterial, []byte("sig"))
	}
	text := bundle(payload, keyMaterial, []byte("sig"))
	if !strings.Contains(text, old) {
		t.Fatalf("there is no %q to be replaced", old)
	}
	return strings.Replace(text, old, new, 1)
}

func TestParseRefuses(t *testing.T) {
	zeros := strings.Repeat("00", 32)
	for _, c := range []struct{ name, old, new, want string }{
		{"another media type", "bundle.v0.3+json", "bundle.v0.1+json", "media type"},
		{"a second envelope", `"dsseEnvelope":`, `"dsseEnvelope":{},"dsseEnvelope":`, "duplicate name"},
		{"an envelope in other case", `"dsseEnvelope":`, `"DsseEnvelope":{},"dsseEnvelope":`, `"DsseEnvelope" is not spelled "dsseEnvelope"`},
		{"a member that nobody knows", `"dsseEnvelope":`, `"more":1,"dsseEnvelope":`, `"more" is unknown`},
		{"no material", keyMaterial, `{}`, "0 of publicKey"},
		{"key and certificate", keyMaterial, `{"publicKey":{},"certificate":{}}`, "2 of publicKey"},
		{"an empty chain", keyMaterial, `{"x509CertificateChain":{"certificates":[]}}`, "0 certificates"},
		{"a long chain", keyMaterial, `{"x509CertificateChain":{"certificates":[` + strings.Repeat(`{"rawBytes":""},`, 16) + `{"rawBytes":""}]}}`, "17 certificates"},
		{"a certificate without a log", keyMaterial, `{"certificate":{"rawBytes":"AA=="},"tlogEntries":[]}`, "no tlogEntries"},
		{"two signatures", `"signatures":[`, `"signatures":[{"sig":"AA=="},`, "2 signatures"},
		{"an empty signature", `"sig":"c2ln"`, `"sig":""`, "signature is empty"},
		{"another payload type", "vnd.in-toto+json", "json", "payload type"},
		{"sloppy base64", `"sig":"c2ln"`, `"sig":"c2l"`, "base64"},
		{"another statement", "Statement/v1", "Statement/v0.1", "_type"},
		{"another predicate", "signature/v1.0", "signature/v2.0", "predicateType"},
		{"two subjects", `"subject":[`, `"subject":[{"name":"n","digest":{"sha256":"` + zeros + `"}},`, "2 subjects"},
		{"a subject without a name", `"name":"m"`, `"name":""`, "want a name"},
		{"a duplicate name inside", `"name":"m"`, `"name":"m","name":"n"`, "duplicate name"},
		{"another root", `"sha256":"`, `"sha512":"","sha256":"` + zeros + `","x":"`, "root is 0000"},
		{"no hash of the root", `{"sha256":`, `{"sha512":`, "hex digits"},
		{"an unknown rule", `"method":"files"`, `"method":"files","globs":["*"]`, `"globs" is unknown`},
		{"an unknown method", `"method":"files"`, `"method":"tensors"`, "method is"},
		{"an unknown hash", `"hash_type":"sha256"`, `"hash_type":"md5"`, "hash_type is"},
		{"mixed hashes", `"hash_type":"sha256"`, `"hash_type":"blake2b"`, "algorithm is"},
		{"nothing on links", `,"allow_symlinks":false`, ``, "no allow_symlinks"},
		{"a shard size for files", `"method":"files"`, `"method":"files","shard_size":1`, "shard_size"},
		{"no resources", twoResources, ``, "no file is listed"},
		{"a path out of the model", `"name":"config.json"`, `"name":"../config.json"`, "not a path inside"},
		{"an absolute path", `"name":"config.json"`, `"name":"/config.json"`, "not a path inside"},
		{"a path that ends in a slash", `"name":"config.json"`, `"name":"config/"`, "not a path inside"},
		{"a zero byte", `"name":"config.json"`, `"name":"a\u0000b"`, "not a path inside"},
		{"the model as a file beside others", `"name":"config.json"`, `"name":"."`, "others are listed"},
		{"a file twice", `"name":"config.json"`, `"name":"d/w.bin"`, "listed twice"},
		{"upper-case hex", hexSum("{}"), strings.ToUpper(hexSum("{}")), "hex digits"},
		{"a short digest", hexSum("{}"), "00", "hex digits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := edited(t, c.old, c.new)
			if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse(%s) = %v, want an error with %q", text, err, c.want)
			}
		})
	}
}

func TestParseTooLarge(t *testing.T) {
	if _, err := Parse(make([]byte, MaxSize+1)); err == nil || !strings.Contains(err.Error(), "the most is") {
		t.Errorf("Parse of a byte too many = %v, want an error with the limit", err)
	}
}

// What signers differ in, and what says nothing, is read.
func TestParseAccepts(t *testing.T) {
	for _, c := range []struct{ name, old, new string }{
		{"the other spelling of the media type", "bundle.v0.3+json", "bundle+json;version=0.3"},
		{"no key ID", `,"keyid":""`, ``},
		{"null as key ID", `"keyid":""`, `"keyid":null`},
		{"a key instead of a hint", `{"hint":"some"}`, `{"rawBytes":"LS0t","keyDetails":"PKIX_ECDSA_P384_SHA_384"}`},
		{"more about a resource", `"name":"config.json"`, `"name":"config.json","mediaType":"application/json"`},
		{"ignored paths", `"method":"files"`, `"method":"files","ignore_paths":[".git"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if text := edited(t, c.old, c.new); len(parse(t, text).Content.Resources) != 2 {
				t.Errorf("Parse(%s) has not two resources", text)
			}
		})
	}
}

func shards(size string, ranges ...string) string {
	var list []string
	for _, r := range ranges {
		list = append(list, resource(r, hexSum(r)))
	}
	return statement(strings.Join(list, ","), `{"method":"shards","hash_type":"sha256","allow_symlinks":false,"shard_size":`+size+`}`)
}

func TestShards(t *testing.T) {
	for _, c := range []struct{ name, payload, want string }{
		{"in Python's order of numbers", shards("4", "a:0:4", "a:4:8", "a:8:10"), ""},
		{"in the order of letters", shards("4", "a:0:4", "a:8:10", "a:4:8"), ""},
		{"colons in the path", shards("4", "a:b:0:4"), ""},
		{"a float as size", shards("4.0", "a:0:4"), ""},
		{"Python's name for the hash", strings.ReplaceAll(shards("4", "a:0:4"), `"algorithm":"sha256"`, `"algorithm":"sha256-sharded-4"`), ""},
		{"the name of another size", strings.ReplaceAll(shards("4", "a:0:4"), `"algorithm":"sha256"`, `"algorithm":"sha256-sharded-5"`), "algorithm is"},
		{"no range", shards("4", "a"), "want a path and a range"},
		{"no start", shards("4", "a:4"), "want a path and a range"},
		{"an empty range", shards("4", "a:4:4"), "want a path and a range"},
		{"a number with a zero in front", shards("4", "a:0:04"), "want a path and a range"},
		{"a number out of range", shards("4", "a:0:9223372036854775808"), "want a path and a range"},
		{"a hole", shards("4", "a:0:4", "a:8:10"), "are not the next shard"},
		{"a lap", shards("4", "a:0:4", "a:3:7"), "are not the next shard"},
		{"no beginning", shards("4", "a:4:8"), "are not the next shard"},
		{"too long", shards("4", "a:0:5"), "are not the next shard"},
		{"too short in the middle", shards("4", "a:0:3", "a:3:7"), "are not the next shard"},
		{"no size", strings.Replace(shards("4", "a:0:4"), `,"shard_size":4`, ``, 1), "no shard_size"},
		{"half a byte", shards("4.5", "a:0:4"), "whole number"},
		{"a size of nothing", shards("0", "a:0:4"), "whole number"},
		{"a huge size", shards("1e300", "a:0:4"), "whole number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(bundle(c.payload, keyMaterial, []byte("sig"))))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("Parse(%s) = %v, want an error with %q", c.payload, err, c.want)
			}
		})
	}
}

const shared = "../../../../shared/data"

// The reference's own examples of payloads.
func TestPayloads(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(shared, "oms/oms-reference/payloads/*"))
	if err != nil || len(names) == 0 {
		t.Skip("the reference's payloads are not beside the repository (shared/data/oms)")
	}
	for _, name := range names {
		payload, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse([]byte(bundle(string(payload), keyMaterial, []byte("sig"))))
		// A model without a file, or of nothing but empty files in shards, signs nothing.
		if empty := strings.Contains(string(payload), `"resources": []`); empty != (err != nil) {
			t.Errorf("%s: Parse = %v; that it lists nothing = %v", filepath.Base(name), err, empty)
		}
	}
}

func TestSpecificationVectors(t *testing.T) {
	base := filepath.Join(shared, "oms/oms-spec-vectors/test-vectors/v1.0")
	names, err := filepath.Glob(filepath.Join(base, "*/*.json"))
	if err != nil || len(names) == 0 {
		t.Skip("the specification's vectors are not beside the repository (shared/data/oms)")
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(data)
		if valid := filepath.Base(filepath.Dir(name)) == "valid"; valid != (err == nil) {
			t.Errorf("%s: Parse = %v, want it valid = %v", name, err, valid)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(bundle(statement(twoResources, byFilesJSON), keyMaterial, []byte("sig"))))
	f.Add([]byte(bundle(shards("4", "a:0:4", "a:4:8"), keyMaterial, []byte("sig"))))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`))
	names, _ := filepath.Glob(filepath.Join(shared, "oms/oms-reference/*/model.sig"))
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil {
			return
		}
		if len(s.Content.Resources) == 0 {
			t.Error("Parse read a signature of no file")
		}
		s.CheckChain(nil, noon)
	})
}

// FuzzStatement reads statements, of which the fuzzer could not make bundles.
func FuzzStatement(f *testing.F) {
	f.Add([]byte(statement(twoResources, byFilesJSON)))
	f.Add([]byte(shards("4", "a:0:4", "a:4:8")))
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"` + hexSum("a") +
		`"},"annotations":{"actual_hash_algorithm":"file-sha256"}}],"predicateType":"https://model_signing/Digests/v0.1","predicate":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Content
		if c.parse(data) == nil && !c.Old && rootOf(c.Resources) != c.Root {
			t.Errorf("parse(%q) has a root that its resources do not give", data)
		}
	})
}
