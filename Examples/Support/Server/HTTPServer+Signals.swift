//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc

  extension HTTPServer {
    /// Runs until the process is told to end (SIGTERM, or SIGINT from the keyboard), answers the requests in flight, and
    /// returns; a `main` that then returns ends the process with status 0. A second signal ends it at once.
    ///
    /// The limit on open files is raised as far as the system allows: each connection is one, and the usual 1,024 are meant
    /// for programs that call `select`, which this one does not.
    public func runUntilSignalled() async throws {
      // Where it fails, what was the limit before still is.
      _ = cel_raise_open_file_limit()
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
