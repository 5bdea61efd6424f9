//go:build race

package edge_test

// raceEnabled: the race detector allocates on its own account.
const raceEnabled = true
