//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import HTTPCache

  /// A copy of a body in a file that is in memory only: from a file the kernel sends without copying.
  final class MemoryFile: Sendable {
    let descriptor: CInt

    /// Nil when the system has no more descriptors or memory.
    init?(_ content: Bytes) {
      let descriptor = content.withUnsafeBytes { cel_memory_file($0.baseAddress, $0.count) }
      guard descriptor >= 0 else { return nil }
      self.descriptor = descriptor
    }

    // The kernel keeps what it is still sending.
    deinit { _ = cel_close(descriptor) }
  }
#endif
