//! How much memory this process uses, and how much it may use: the machine's memory, or the limit of its control
//! groups, if that is less (`cgroups(7)`; `memory.max` in version 2, `memory.limit_in_bytes` in version 1).

use std::fs::read_to_string;
use std::path::Path;

/// Folder of the hierarchy that limits memory, and name of the limit's file, in version 2.
const VERSION_2: (&str, &str) = ("", "memory.max");
/// The same in version 1.
const VERSION_1: (&str, &str) = ("memory", "memory.limit_in_bytes");

/// How much memory this process may use, in bytes.
pub(super) fn limit() -> u64 {
    let machine = rustix::system::sysinfo();
    // totalram counts units of mem_unit bytes, in the machine's word size.
    let all = u128::from(machine.totalram) * u128::from(machine.mem_unit.max(1));
    let all = u64::try_from(all).unwrap_or(u64::MAX);
    let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
    limit_of_groups(Path::new("/sys/fs/cgroup"), &groups).map_or(all, |limit| limit.min(all))
}

/// The smallest limit of the groups in `groups` (one `hierarchy:controllers:/path` a line) and of their
/// ancestors. In a container the path may be one of the host, of which only the root is visible here.
fn limit_of_groups(root: &Path, groups: &str) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (hierarchy, file) = match controllers {
            "" => VERSION_2,
            _ if controllers.split(',').any(|controller| controller == "memory") => VERSION_1,
            _ => return None,
        };
        let root = root.join(hierarchy);
        let group = root.join(path.trim_start_matches('/'));
        let above = group.ancestors().take_while(|folder| folder.starts_with(&root));
        // A group without a limit says `max`, which doesn't parse as a number.
        above.filter_map(|folder| read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok()).min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    #[test]
    fn the_smallest_limit_above_a_group_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let limit = |groups: &str| limit_of_groups(root, groups);
        create_dir_all(root.join("system.slice/rejoin.service")).expect("folders");
        create_dir_all(root.join("memory/docker")).expect("folders");
        assert_eq!(limit("0::/system.slice/rejoin.service\n"), None);
        write(root.join("system.slice/rejoin.service/memory.max"), "max\n").expect("a file");
        assert_eq!(limit("0::/system.slice/rejoin.service\n"), None);
        write(root.join("system.slice/memory.max"), "2000\n").expect("a file");
        assert_eq!(limit("0::/system.slice/rejoin.service\n"), Some(2_000));
        write(root.join("memory.max"), "1000\n").expect("a file");
        assert_eq!(limit("0::/a/path/of/outside\n"), Some(1_000));
        write(root.join("memory/docker/memory.limit_in_bytes"), "500\n").expect("a file");
        assert_eq!(limit("5:cpu,memory:/docker\n1:name=systemd:/\n"), Some(500));
        assert_eq!(limit("no groups"), None);
    }

    #[test]
    fn this_machine_has_some_memory() {
        assert!(super::limit() > 1 << 20);
        assert!(crate::metrics::resident_memory().is_some_and(|bytes| (1 << 20..super::limit()).contains(&bytes)));
    }
}
