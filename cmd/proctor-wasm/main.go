//go:build js && wasm

// Proctor-wasm is the verifier for the browser. It defines one function,
//
//	proctorVerify(pack: Uint8Array, policy: string, at: string) → string
//
// which returns the verdict as JSON, as "proctor verify --json" prints it, or an
// object with the one member "error" where no verdict could be reached. at is an
// RFC 3339 time. Nothing is fetched and nothing leaves the page.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"syscall/js"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/verify"
)

func main() {
	js.Global().Set("proctorVerify", js.FuncOf(func(_ js.Value, args []js.Value) any {
		text, err := judge(args)
		if err != nil {
			text, _ = json.Marshal(map[string]string{"error": err.Error()})
		}
		return string(text)
	}))
	select {} // the function lives as long as the page
}

func judge(args []js.Value) ([]byte, error) {
	if len(args) != 3 {
		return nil, fmt.Errorf("got %d arguments, want pack, policy and time", len(args))
	}
	data := make([]byte, args[0].Get("length").Int())
	js.CopyBytesToGo(data, args[0])
	pack, err := attest.ReadZip(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	policy, err := verify.ParsePolicy([]byte(args[1].String()))
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, args[2].String())
	if err != nil {
		return nil, err
	}
	v, err := verify.Pack(context.Background(), pack, policy, verify.Options{At: at})
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}
