//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension Duration {
  /// In nanoseconds, clamped to a century either way, so that deadlines do not overflow.
  var nanoseconds: Int64 {
    let century: Int64 = 3_153_600_000
    let (seconds, attoseconds) = components
    guard abs(seconds) < century else { return seconds < 0 ? -century * 1_000_000_000 : century * 1_000_000_000 }
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
