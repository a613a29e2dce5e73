//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

@testable import HTTPCache

/// Keeps what is written to it.
final class MemorySink: CacheLogSink {
  private let bytes = Locked<[UInt8]>([])

  func write(_ bytes: [UInt8]) throws { self.bytes.withLock { $0 += bytes } }

  var all: [UInt8] { bytes.withLock { $0 } }
  var lines: [String] { String(decoding: all, as: UTF8.self).split(separator: "\n").map(String.init) }

  /// The lines as JSON objects.
  var objects: [[String: Any]] {
    lines.compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
  }
}
