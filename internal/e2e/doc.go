// Package e2e runs the real binaries as child processes on real sockets and
// breaks things around them: it holds tests only.
package e2e
