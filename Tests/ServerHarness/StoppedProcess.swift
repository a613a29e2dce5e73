//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// Waits until a process that was sent `SIGSTOP` has stopped: a thread that is just answering may take a moment. A second at
/// most.
func waitUntilStopped(_ process: Int32) {
  for _ in 0..<1_000 {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    let isStopped = threads.allSatisfy { thread in
      let stat = (try? String(contentsOfFile: "/proc/\(process)/task/\(thread)/stat", encoding: .utf8)) ?? ""
      // The state stands behind the name in parentheses.
      return stat.split(separator: ")").last?.hasPrefix(" T") ?? true
    }
    if isStopped { return }
    usleep(1_000)
  }
}
