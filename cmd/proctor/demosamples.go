package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proctor-attest/proctor/attest/model"
)

const (
	demoItems = 40
	demoRight = 34
)

// writeSamples makes what a benchmark owner, a lab and an evaluator would bring:
// questions, a model of two tensors, its graded answers and how it was run.
func (d *demo) writeSamples() error {
	files := map[string][]byte{
		"lab/model/config.json":            []byte(`{"architectures":["TinyForCausalLM"],"hidden_size":4}` + "\n"),
		"lab/model/tokenizer.json":         []byte(`{"version":"1.0","model":{"type":"BPE","vocab":{"0":0,"1":1}}}` + "\n"),
		"lab/model/chat_template.jinja":    []byte("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"),
		"lab/model/generation_config.json": []byte(`{"max_new_tokens":64}` + "\n"),
		"lab/scores.csv":                   []byte("label,score,result\narithmetic accuracy,85.0 %,../evaluator/tiny.arithmetic.result.proctor\n"),
	}
	files["owner/items.jsonl"], files["evaluator/answers.jsonl"] = demoQuestions()
	var err error
	if files["evaluator/config.json"], err = demoConfiguration(); err != nil {
		return err
	}
	if files["lab/model/model.safetensors"], err = demoWeights(); err != nil {
		return err
	}
	for name, data := range files {
		name = filepath.Join(d.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// demoQuestions makes sums, and answers of which demoRight are right.
func demoQuestions() (items, answers []byte) {
	var q, a bytes.Buffer
	for i := range demoItems {
		x, y := 17+7*i, 5+3*i
		fmt.Fprintf(&q, `{"id":"sum-%02d","question":"What is %d + %d?","answer":"%d"}`+"\n", i, x, y, x+y)
		given := x + y
		if i >= demoRight {
			given -= 10
		}
		fmt.Fprintf(&a, `{"id":"sum-%02d","output":"%d + %d = %d","correct":%t}`+"\n", i, x, y, given, given == x+y)
	}
	return q.Bytes(), a.Bytes()
}

func demoConfiguration() ([]byte, error) {
	return json.MarshalIndent(map[string]any{
		"chatTemplate":    "n/a",
		"systemPrompt":    "n/a",
		"sampling":        map[string]any{"temperature": 0, "maxTokens": 64},
		"reasoningBudget": "n/a",
		"tools":           "n/a",
		"network":         "none",
		"engine":          map[string]any{"name": "demo", "version": "1"},
		"dtype":           "F32",
		"quantization":    "n/a",
		"harness":         map[string]any{"name": "demo", "version": "1"},
		"promptTemplate":  "{question}",
		"fewShot":         "n/a",
		"grader":          map[string]any{"name": "the answer's last number equals the reference"},
		"judge":           "n/a",
		"extractor":       map[string]any{"name": "last-number"},
		"fallback":        "n/a",
		"retry":           "none",
		"exclusions":      []string{"timeout"},
		"denominator":     "counted-wrong",
		"relation":        "independent",
		"evaluator":       "https://evaluator.example",
		"variant":         "tiny",
	}, "", " ")
}

func demoWeights() ([]byte, error) {
	var embedding, head []byte
	for i := range uint32(32) {
		embedding = binary.LittleEndian.AppendUint32(embedding, 0x3f000000+i*4096)
		head = binary.LittleEndian.AppendUint32(head, 0xbf000000+i*8192)
	}
	var b bytes.Buffer
	err := model.Write(&b, []model.TensorData{
		{Name: "model.embed_tokens.weight", DType: "F32", Shape: []uint64{8, 4}, Data: embedding},
		{Name: "lm_head.weight", DType: "F32", Shape: []uint64{8, 4}, Data: head},
	})
	return b.Bytes(), err
}
