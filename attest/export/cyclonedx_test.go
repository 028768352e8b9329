package export

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// CycloneDX's own schema takes what is written for it. CI fetches the schemas with
// .ci/cyclonedx and says where they are.
func TestCycloneDXSchema(t *testing.T) {
	dir := os.Getenv("PROCTOR_CYCLONEDX")
	if dir == "" {
		t.Skip("PROCTOR_CYCLONEDX does not say where CycloneDX's schemas are")
	}
	c := jsonschema.NewCompiler()
	const base = "http://cyclonedx.org/schema/"
	for _, name := range []string{"spdx", "jsf-0.82"} {
		file := name + ".SNAPSHOT.schema.json"
		if err := c.AddResource(base+file, readJSON(t, filepath.Join(dir, file))); err != nil {
			t.Fatal(err)
		}
	}
	bom := readJSON(t, filepath.Join(dir, "bom-1.6.SNAPSHOT.schema.json"))
	if err := c.AddResource(base+"bom-1.6.schema.json", bom); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(base + "bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	retroactive := sample()
	retroactive.Registration.Retroactive, retroactive.Published, retroactive.Scale = true, "", ""
	for name, rows := range map[string][]Row{"one row": {sample()}, "two rows": {sample(), retroactive}} {
		data, err := CycloneDX(rows, Source{URL: "https://lab.example/p"})
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v\n%s", name, err, data)
		}
		v.(map[string]any)["specVersion"] = 1.6
		if schema.Validate(v) == nil {
			t.Errorf("%s: a version that is a number passes", name)
		}
	}
}

func readJSON(t *testing.T, name string) any {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
