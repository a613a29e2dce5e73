//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CAllocationCounter
import Foundation

/// The memory of this process that belongs to nobody else, as the operating system counts it.
enum ResidentMemory {
  /// Anonymous pages that are resident (`RssAnon` of `/proc/self/status`), in bytes; nil where the system does not say.
  static var byteCount: Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") })
    else { return nil }
    return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }.map { $0 << 10 }
  }

  /// Lets the allocator give back to the system what it keeps for later, so that what grows afterwards is seen to grow.
  static func trim() { trim_heap() }
}
