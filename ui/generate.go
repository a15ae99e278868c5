package ui

//go:generate go tool vugugen -skip-go-mod -skip-main .
//go:generate go run ./trim .
//go:generate gofmt -w .
//go:generate go run ./renderer ../wasm/js/vugu-renderer.js
