// Package lockfile keeps a second process away from a folder that belongs to
// one.
package lockfile
