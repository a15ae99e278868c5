//go:build !js

package text_test

import (
	"fmt"
	"os"

	"handful/core/text"
)

// A tokenizer gives the ids that Hugging Face's gives, and takes them back.
func ExampleFromJSON() {
	data, err := os.ReadFile("../../assets/pocket/base/tokenizer.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	tok, err := text.FromJSON(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := tok.Encode("jumps")
	fmt.Println(len(ids), tok.Decode(ids))
	// Output: 5 jumps
}
