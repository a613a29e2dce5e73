//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc

  extension HTTPServer {
    /// Raises the process's limit on open files as far as the system allows: each connection is one, and the usual 1,024 are
    /// meant for programs that call `select`, which these do not.
    ///
    /// - Returns: The limit; nil where it cannot be read or raised, and is what it was.
    public static func raiseOpenFileLimit() -> Int? {
      let limit = cel_raise_open_file_limit()
      return limit < 0 ? nil : Int(limit)
    }

    /// Runs until the process is told to end (SIGTERM, or SIGINT from the keyboard), answers the requests in flight, and
    /// returns; a `main` that then returns ends the process with status 0. A second signal ends it at once, unless it is the
    /// same within half a second: `timeout` and others send each to a process and to its group.
    ///
    /// The limit on open files is raised first (``raiseOpenFileLimit()``).
    public func runUntilSignalled() async throws {
      _ = Self.raiseOpenFileLimit()
      let signals = [SIGTERM, SIGINT]
      let loop = loops[0]
      let watch = SignalWatch(loop: loop) { [self] in shutdown() }
      try await watch.start(signals)
      do {
        try await run()
      } catch {
        await watch.stop(signals)
        throw error
      }
      await watch.stop(signals)
    }
  }
#endif
