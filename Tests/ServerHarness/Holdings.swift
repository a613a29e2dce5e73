//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CHeapUse
import Foundation

/// What this process holds.
public struct Holdings: Sendable, CustomStringConvertible {
  /// Open descriptors.
  public var descriptors: Int
  /// Threads.
  public var threads: Int
  /// Octets of memory that malloc has handed out; 0 where that is not known.
  public var heap: Int

  /// As it is now.
  public static var present: Holdings {
    func count(_ path: String) -> Int { (try? FileManager.default.contentsOfDirectory(atPath: path).count) ?? 0 }
    return Holdings(descriptors: count("/proc/self/fd"), threads: count("/proc/self/task"), heap: Int(heap_use()))
  }

  /// The value as text, for people.
  public var description: String { "\(descriptors) descriptors, \(threads) threads, \(heap) octets" }
}
