// What every Go program in a browser brings along that prints, reads JSON and
// calls JavaScript: it does each once.
package main

import (
	"encoding/json"
	"fmt"
	"syscall/js"
)

func main() {
	var v any
	fmt.Println(json.Unmarshal([]byte(js.Global().Get("name").String()), &v), v)
}
