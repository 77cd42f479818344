// Package migration holds no code: its tests run this version on what the version before has left behind.
package migration
