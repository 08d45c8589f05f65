const worker = new Worker("./worker.js");

/** Seconds that the worker takes for a job on the chosen file. */
window.ceiling = (job) =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error === undefined ? resolve(data.seconds) : reject(new Error(data.error)));
    worker.postMessage({ job, file: document.querySelector("#file").files[0] });
  });
