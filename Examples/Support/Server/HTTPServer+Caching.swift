//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  public import HTTPCache

  extension HTTPServer {
    /// Runs until the process is told to end (``runUntilSignalled()``), and the cache in front of its handlers as long. The
    /// server ends first, then the cache: what the server still answers may be stored.
    public func runUntilSignalled(caching cache: CacheLayer) async throws {
      async let running: Void = cache.run()
      try await runUntilSignalled()
      cache.shutdown()
      await running
    }
  }
#endif
