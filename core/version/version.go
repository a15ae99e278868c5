// Package version holds the release's number, in this one place: programs, the
// page, the npm package and the Python wheel take it from here.
package version

// Number is the release, by semantic versioning; CHANGELOG.md begins with it.
const Number = "0.1.0"
