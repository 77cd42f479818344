// Package settingspage holds no code. Its test writes docs/configuration.md out of pkg/config and template.yaml, and fails while
// the page is not what they say.
package settingspage
