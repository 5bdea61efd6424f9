// Package usage is the ledger of what each tenant used.
//
// Record appends one frame to a segment file with a single write before the
// answer to the call is finished, so that what was acknowledged survives the
// death of the process at any instant (a power cut may cost the last seconds).
// In the background the frames are folded into a SQLite file: one row per
// tenant, day, route and status class. How far a segment is folded is stored
// in the same transaction as the sums, so each frame counts exactly once,
// whenever the process dies. Folded segments are deleted.
package usage
